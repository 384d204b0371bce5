export type { ChangeOptions } from './change.ts'
export { type Cancellable, createVisionClient, type NewJob, type VisionClient } from './client.ts'
export type { Api, ClientOptions } from './connection.ts'
export { type ClientErrorCode, isVisionError, VisionError } from './errors.ts'
export { type ImageFile, type ImageSource, type ImageType, maxImageBytes, readImage } from './images.ts'
export type { ResultsOptions } from './results.ts'
export type { Refused, Run } from './run.ts'
export type { RunImage, RunOptions, RunProgress } from './run-options.ts'
export {
  type Batch,
  type ChangedJobs,
  type CreateJob,
  type ErrorCode,
  type FieldProblem,
  hasEnded,
  type Job,
  type JobEvent,
  type JobFilter,
  type JobStatus,
  type ResultRow,
  type Text,
  type WantedText,
} from './types.ts'
export type { WaitOptions } from './wait.ts'
export { type RequestHeaders, type VerifyOptions, verifyWebhook, type WebhookEvent } from './webhooks.ts'
