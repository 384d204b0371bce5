import { readDotenv } from '../dev/boot/dotenv.mjs'
import { localEnvironment } from '../dev/settings/environment.ts'

/** The environment of a command. */
export interface Terminal {
  /** The settings, read once the command is parsed: the exported ones, and those of `.env`. */
  readonly environment: () => Record<string, string | undefined>
  readonly out: (text: string) => void
  readonly error: (text: string) => void
}

/** The process's own. */
export const ownTerminal: Terminal = {
  environment: () => localEnvironment(readDotenv()),
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
}

/** The exit status of a command: 0 for success, 1 for a failure, 2 for a usage error. */
export type ExitCode = 0 | 1 | 2
