import type { Quota, QuotaState } from '../usage/quotas.ts'

const daySeconds = 86_400
/** The unit of a quota that does not count what its name suggests. */
const units: Partial<Record<Quota['code'], string>> = {
  'limit.spend_per_day': ';qu="us-cents"',
  'limit.upload_bytes_per_day': ';qu="content-bytes"',
}
const nanosPerCent = 10_000_000

/**
 * The quotas of a user and what remains, as the header fields of draft-ietf-httpapi-ratelimit-headers-11. A quota counts
 * jobs, also if one request creates several; the budget counts US cents, the quota of estimates requests.
 */
export function rateLimitHeaders({ quotas }: Pick<QuotaState, 'quotas'>): Record<string, string> {
  if (quotas.length === 0) return {}
  return {
    'ratelimit-policy': quotas
      .map((quota) => `${nameOf(quota)};q=${shown(quota, quota.limit)}${detailsOf(quota)}`)
      .join(', '),
    ratelimit: quotas.map((quota) => `${nameOf(quota)};r=${shown(quota, quota.left)}${resetOf(quota)}`).join(', '),
  }
}

/** `limit.jobs_per_day` is the policy `"jobs-per-day"`. */
function nameOf({ code }: Quota): string {
  return `"${code.replace('limit.', '').replaceAll('_', '-')}"`
}

function detailsOf({ code, resetSeconds, windowSeconds = daySeconds }: Quota): string {
  const unit = units[code] ?? ''
  return resetSeconds === undefined ? unit : `${unit};w=${windowSeconds}`
}

function resetOf({ resetSeconds }: Quota): string {
  return resetSeconds === undefined ? '' : `;t=${resetSeconds}`
}

function shown({ code }: Quota, amount: number): number {
  return code === 'limit.spend_per_day' ? Math.floor(amount / nanosPerCent) : amount
}
