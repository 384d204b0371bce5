import type { ErrorCode, errorCodes } from './errors.ts'

/** The codes that a run can end with: a refused call has those of the class `request`. */
export type RunCode = {
  [Code in ErrorCode]: (typeof errorCodes)[Code]['errorClass'] extends 'request' ? never : Code
}[ErrorCode]

/**
 * What tells the operator of a code.
 *
 * - `failed`: an alarm of its own, from the first job that failed with it. No caller can do anything about it.
 * - `released`: an alarm of its own, once some runs were released because of it. The jobs wait, and are not due meanwhile,
 *   so nothing else tells before they expire.
 * - `provider`: the alarm of the provider, which such calls pause or take down. Jobs that failed all the same are in the total.
 * - `total`: the number of failed jobs, whatever their codes. The caller's image or purpose, or one answer of a model; many
 *   at once may be the operator's business.
 */
export type CodeAlarm = 'failed' | 'released' | 'provider' | 'total'

/** A decision for each code: a new one is not accepted without. */
export const codeAlarms: Readonly<Record<RunCode, CodeAlarm>> = {
  'job.expired': 'failed',
  'worker.lost': 'failed',
  'internal.error': 'failed',
  'storage.unavailable': 'released',

  'image.invalid_url': 'total',
  'image.forbidden_address': 'total',
  'image.unknown_host': 'total',
  'image.not_found': 'total',
  'image.upload_missing': 'total',
  'image.refused': 'total',
  'image.too_large': 'total',
  'image.unsupported_type': 'total',
  'image.malformed': 'total',
  'image.truncated': 'total',
  'image.too_many_pixels': 'total',
  'image.unsupported_encoding': 'total',
  'image.invalid_response': 'total',
  'image.untrusted_server': 'total',
  'image.too_many_redirects': 'total',
  'image.unreachable': 'total',
  'image.timed_out': 'total',

  'analysis.blocked': 'total',
  'analysis.rejected': 'total',
  'analysis.refused': 'provider',
  'analysis.misfit': 'total',
  'analysis.invalid_answer': 'total',
  'analysis.blank_answer': 'total',
  'analysis.cut_off': 'total',
  'analysis.recited': 'total',
  'analysis.timed_out': 'provider',
  'analysis.unavailable': 'provider',
  'analysis.overloaded': 'provider',
  'analysis.rate_limited': 'provider',
  'analysis.quota_exhausted': 'provider',
  'analysis.insufficient_balance': 'provider',
  'analysis.misconfigured': 'provider',

  'content.blocked': 'total',
  'content.rejected': 'total',
  'content.refused': 'provider',
  'content.misfit': 'total',
  'content.invalid_answer': 'total',
  'content.blank_answer': 'total',
  'content.cut_off': 'total',
  'content.recited': 'total',
  'content.timed_out': 'provider',
  'content.unavailable': 'provider',
  'content.overloaded': 'provider',
  'content.rate_limited': 'provider',
  'content.quota_exhausted': 'provider',
  'content.insufficient_balance': 'provider',
  'content.misconfigured': 'provider',
}
