/** Every status of a job, in the order of its life; one more goes to the end (`wordOf`). docs/job-lifecycle.md has the table of what leads where. */
export const statuses = ['scheduled', 'blocked', 'pending', 'processing', 'completed', 'failed', 'cancelled'] as const
export type Status = (typeof statuses)[number]

/** The statuses of a job that waits. */
export const waitingStatuses = ['scheduled', 'blocked', 'pending'] as const satisfies Status[]
export type Waiting = (typeof waitingStatuses)[number]

/** The statuses of an ended job: nothing happens to it by itself. */
export const endedStatuses = ['completed', 'failed', 'cancelled'] as const satisfies Status[]
export type Ended = (typeof endedStatuses)[number]
export const unendedStatuses = statuses.filter((status) => !(endedStatuses as readonly Status[]).includes(status))

/** The two paid steps, in the order in which they run; also the two kinds of output and the two lanes of the queue. */
export const steps = ['analysis', 'content'] as const
export type Step = (typeof steps)[number]

/** The status of a text: still to be made, for the first time or again; completed; or failed for good, until the job is retried. */
export const textStatuses = ['waiting', 'completed', 'failed'] as const
export type TextStatus = (typeof textStatuses)[number]

/** The author of an output. */
export const authors = ['model', 'user'] as const
export type Author = (typeof authors)[number]

/** The statuses by which jobs are counted. */
export const countedStatuses = ['created', 'completed', 'failed', 'cancelled', 'deleted'] as const
export type CountedStatus = (typeof countedStatuses)[number]

/** How to treat a call with invalid jobs: refuse it as a whole, or create the others. */
export const invalidPolicies = ['refuse', 'skip'] as const
export type OnInvalid = (typeof invalidPolicies)[number]

/**
 * The state of an image in the bucket: being stored, stored, or being deleted.
 */
export const imageStates = ['arriving', 'stored', 'deleting'] as const
export type ImageState = (typeof imageStates)[number]

/**
 * The orientation of a stored picture, as Exif numbers it (CIPA DC-008, tag 0x0112): 1 as stored, 3 turned by 180°, 6 by 90°
 * clockwise, 8 by 90° anticlockwise; 2, 4, 5 and 7 are their mirror images.
 */
export type ImageOrientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8

/** Facts about a product or a brand, by name. */
export type Facts = Readonly<Record<string, string | number | boolean | readonly string[]>>

/** How a run ended; `running` until it has. */
export const outcomes = ['running', 'completed', 'retried', 'failed', 'released', 'lost', 'cancelled'] as const
export type Outcome = (typeof outcomes)[number]

/**
 * How a connection reaches its client: as plain server-sent events, as a subscription of tRPC, or as a call that waits for
 * its answer.
 */
export const transports = ['sse', 'trpc', 'wait'] as const
export type Transport = (typeof transports)[number]

/**
 * Why a watcher's connection was closed: its job ended or was deleted, its lifetime was over and the client was to reconnect, the
 * client left, a newer connection of the same user replaced it, its process died, or something failed.
 */
export const closeReasons = ['ended', 'deleted', 'reconnect', 'left', 'replaced', 'expired', 'failed'] as const
export type CloseReason = (typeof closeReasons)[number]

/**
 * The name of a provider in core/providers/registry.ts. The columns have no closed list, so that another provider needs no
 * migration.
 */
export type Provider = string

/** The scopes that a claim depends on: its lane's provider, and `all`, claiming as a whole. */
export type ProviderScope = string

/**
 * The waits, durations and failures of ended runs. Durations are counted by `statBounds` of core/domain/run-stats.ts, so that
 * those of many workers add up to percentiles.
 */
export interface RunStats {
  /** In nano-dollars, of the calls with a known price. */
  readonly cost: number
  /** A histogram: the number of durations up to each bound, and beyond the last. */
  readonly durations: Readonly<Record<'waiting' | 'image' | Step, readonly number[]>>
  /** Jobs that failed, by code. */
  readonly failed: Readonly<Record<string, number>>
}
