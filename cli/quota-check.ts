import { callLambda } from '../core/platform/call-lambda.ts'
import type { DoctorConfig } from '../core/platform/config/doctor.ts'
import { credentialsIn } from '../core/platform/config/shared.ts'
import { type Finding, type Found, notChecked, ok, wrong } from './finding.ts'

const limitMs = 10_000
/** AWS keeps these for functions that reserve nothing ("Configuring reserved concurrency", AWS Lambda Developer Guide). */
const keptUnreserved = 100
const lookUp = 'aws lambda get-account-settings --query AccountLimit'

/** Asks Lambda how many functions the account runs at once in the region (AWS Lambda API Reference, "GetAccountSettings"). */
export async function checkFunctionQuota(config: DoctorConfig): Promise<Finding> {
  return { check: 'functions at once', ...(await ask(config)) }
}

async function ask(config: DoctorConfig): Promise<Found> {
  const credentials = credentialsIn(config)
  if (credentials === undefined) return notChecked(`AWS_ACCESS_KEY_ID is not set here: ${lookUp}`)
  const { AWS_REGION: region, AWS_ENDPOINT_URL_LAMBDA: endpoint } = config
  const call = { method: 'GET', path: '/2016-08-19/account-settings/' } as const
  try {
    const reply = await callLambda({ region, credentials, endpoint }, call, AbortSignal.timeout(limitMs))
    const kind = reply.headers.get('x-amzn-errortype')?.split(':')[0] ?? String(reply.status)
    if (kind === 'AccessDeniedException') {
      return notChecked(`these credentials may not ask (lambda:GetAccountSettings): ${lookUp}`)
    }
    if (reply.status !== 200) return notChecked(`Lambda answered ${kind}: ${lookUp}`)
    return judge((await reply.json()) as AccountSettings, region)
  } catch (error) {
    const { message, cause } = error as Error & { cause?: NodeJS.ErrnoException }
    return notChecked(`Lambda cannot be asked from here (${cause?.code ?? message}): ${lookUp}`)
  }
}

interface AccountSettings {
  readonly AccountLimit?: {
    readonly ConcurrentExecutions?: number
    readonly UnreservedConcurrentExecutions?: number
  }
}

function judge({ AccountLimit: limit }: AccountSettings, region: string): Found {
  const { ConcurrentExecutions: total, UnreservedConcurrentExecutions: unreserved } = limit ?? {}
  if (total === undefined || unreserved === undefined) return notChecked(`Lambda did not say: ${lookUp}`)
  if (total > keptUnreserved) return ok(`${total} in ${region}, ${total - unreserved} of them reserved`)
  return wrong(
    `${total} in ${region}, and none can be reserved for the poller`,
    'Ask for 1,000 under Service Quotas (AWS Lambda, Concurrent executions), then deploy again: no stream runs and no call waits until then.',
  )
}
