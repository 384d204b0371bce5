import { bucketKeys } from './bucket.ts'
import { type Environment, environment, load } from './load.ts'
import { type ProviderConfig, providerKeys, providersIn } from './providers.ts'
import { text, type Values, webUrl } from './setting.ts'
import { aws, pageOrigins } from './shared.ts'

/** Of the functions, as far as they are set where the operator is: what is not set cannot be checked. */
const doctorKeys = {
  ...bucketKeys,
  ...aws,
  ...pageOrigins,
  BUCKET_NAME: text({ min: 3 }).optional(),
  AWS_ENDPOINT_URL_LAMBDA: webUrl().optional(),
}

/** What `npm run ops -- doctor` checks beside the database. */
export interface DoctorConfig extends Values<typeof doctorKeys> {
  readonly providers: Readonly<Record<string, ProviderConfig>>
}

/** @throws ConfigError */
export function loadDoctorConfig(env: Environment = environment()): DoctorConfig {
  const values = load<typeof doctorKeys>({ ...doctorKeys, ...providerKeys }, env)
  return { ...values, providers: providersIn(values as Readonly<Record<string, unknown>>) }
}
