/** The schedule, shared by a deployment and `npm start`. */

/** The seconds between two pollers: EventBridge Scheduler fires once a minute at most. */
export const tickSeconds = 60

/** The longest run of a poller, in seconds, unless `DEPLOY_POLLER_SECONDS` is set. */
export const defaultPollerSeconds = 300
