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
  } as const
}

/** What the metrics of a function are found under. */
export function metricsEnvironment() {
  return { POWERTOOLS_METRICS_NAMESPACE: 'VisionPipeline', POWERTOOLS_SERVICE_NAME: deployName() }
}
