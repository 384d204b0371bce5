import { join } from 'node:path'
import { bundleFunction } from './bundling.ts'
import { deployName } from './names.ts'
import type { Secrets } from './secrets.ts'
import type { Settings } from './settings.ts'

/** Where SST finds the code of a function, by its name in functions/. */
export type Code = (name: string) => { readonly handler: string; readonly bundle?: string }

/** What every function that serves requests or runs jobs is created from. */
export interface Shared {
  readonly code: Code
  readonly settings: Settings
  readonly secrets: Secrets
  /** Known once the migrations are through. */
  readonly databaseUrl: $util.Output<string>
  readonly vpc: sst.aws.Vpc | undefined
}

/** The functions' files, as far as they are deployed. */
const deployed = ['api', 'stream', 'poller', 'migrate']

/**
 * Bundles the functions into a folder of SST's own, each in one to itself, since SST writes a file into it. In `sst dev` SST
 * bundles them whenever their source changes, and they run where the packages are.
 */
export async function bundleFunctions(): Promise<Code> {
  if ($dev) return (name) => ({ handler: `functions/${name}.handler` })
  const folderOf = (name: string) => join($cli.paths.work, 'bundles', name)
  await Promise.all(deployed.map((name) => bundleFunction(name, folderOf(name), { root: $cli.paths.root })))
  return (name) => ({ handler: `${name}.handler`, bundle: folderOf(name) })
}

/** The settings that all functions share. */
export function common({ settings, vpc }: Pick<Shared, 'settings' | 'vpc'>) {
  return {
    runtime: 'nodejs24.x',
    architecture: 'arm64',
    logging: { retention: settings.DEPLOY_LOG_RETENTION },
    ...(vpc && { vpc }),
    transform: {
      role: (args: aws.iam.RoleArgs) => {
        // By default SST lets every principal in the account that may assume roles assume this one; only `sst dev` needs that.
        if (!$dev) args.assumeRolePolicy = aws.iam.assumeRolePolicyForPrincipal({ Service: 'lambda.amazonaws.com' })
        return undefined
      },
    },
  } as const
}

/** The permissions that X-Ray tracing needs: it samples calls, and costs nothing at rest. */
export function traced({ DEPLOY_TRACING }: Settings) {
  const traces = DEPLOY_TRACING === 'yes'
  return {
    permissions: traces ? [{ actions: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], resources: ['*'] }] : [],
    transform: {
      function: (args: aws.lambda.FunctionArgs) => {
        if (traces) args.tracingConfig = { mode: 'Active' }
        return undefined
      },
    },
  }
}

/** An environment without empty values: those of optional secrets that are not set. */
export function environmentOf(values: Readonly<Record<string, $util.Input<string>>>) {
  return $resolve(values).apply((given) =>
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== '')),
  )
}

/** The `service` under which the log lines and metrics of a function are found. */
export function observedAs() {
  return { POWERTOOLS_SERVICE_NAME: deployName() }
}
