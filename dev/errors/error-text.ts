import { ConfigError } from '../../core/platform/config/load.ts'
import { MigrationError } from '../../drizzle/migrate.ts'
import { OptionsError } from '../boot/options.mjs'
import { PortError } from '../boot/port.mjs'
import { StartError } from './start-error.ts'

const forPeople = [StartError, ConfigError, MigrationError, OptionsError, PortError]

/** What to print of an error: the message alone where it says what to do, else the stack. */
export function errorText(error: unknown): string {
  if (forPeople.some((kind) => error instanceof kind)) return (error as Error).message
  return (error instanceof Error && error.stack) || String(error)
}
