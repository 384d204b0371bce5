import { deployName } from './names.ts'
import type { Secrets } from './secrets.ts'
import type { Settings } from './settings.ts'

/** What every function that serves or works is made from. */
export interface Shared {
  readonly settings: Settings
  readonly secrets: Secrets
  /** Known once the migrations are through. */
  readonly databaseUrl: $util.Output<string>
  readonly vpc: sst.aws.Vpc | undefined
}

/** What all functions have in common. */
export function common({ settings, vpc }: Pick<Shared, 'settings' | 'vpc'>) {
  return {
    runtime: 'nodejs24.x',
    architecture: 'arm64',
    logging: { retention: settings.DEPLOY_LOG_RETENTION },
    ...(vpc && { vpc }),
    transform: {
      role: (args: aws.iam.RoleArgs) => {
        // SST would let whoever may assume roles in the account assume this one, which `sst dev` alone needs.
        if (!$dev) args.assumeRolePolicy = aws.iam.assumeRolePolicyForPrincipal({ Service: 'lambda.amazonaws.com' })
        return undefined
      },
    },
  } as const
}

/** What the metrics of a function are found under. */
export function metricsEnvironment() {
  return { POWERTOOLS_METRICS_NAMESPACE: 'VisionPipeline', POWERTOOLS_SERVICE_NAME: deployName() }
}
