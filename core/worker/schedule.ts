/** The times of the schedule, one for what is deployed and what `npm start` runs. */

/** A poller starts every so many seconds: EventBridge Scheduler fires once a minute at most. */
export const tickSeconds = 60

/** A poller runs for at most so many seconds where nothing else is set (`DEPLOY_POLLER_SECONDS`). */
export const defaultPollerSeconds = 300
