import { bucketKeys } from './bucket.ts'
import { type Environment, environment, load } from './load.ts'
import { type ProviderConfig, providerKeys, providersIn } from './providers.ts'
import { text, type Values } from './setting.ts'

/** Of the functions, as far as they are set where the operator is: what is not set cannot be checked. */
const doctorKeys = { ...bucketKeys, BUCKET_NAME: text({ min: 3 }).optional() }

/** What `npm run ops -- doctor` checks beside the database. */
export interface DoctorConfig extends Values<typeof doctorKeys> {
  readonly providers: Readonly<Record<string, ProviderConfig>>
}

/** @throws ConfigError */
export function loadDoctorConfig(env: Environment = environment()): DoctorConfig {
  const values = load<typeof doctorKeys>({ ...doctorKeys, ...providerKeys }, env)
  return { ...values, providers: providersIn(values as Readonly<Record<string, unknown>>) }
}
