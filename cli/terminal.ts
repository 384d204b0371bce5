import { readDotenv } from '../dev/boot/dotenv.mjs'
import { localEnvironment } from '../dev/settings/environment.ts'

/** Where a command runs. */
export interface Terminal {
  /** The settings, asked for once the command is understood: what is exported, and what `.env` adds. */
  readonly environment: () => Record<string, string | undefined>
  readonly out: (text: string) => void
  readonly error: (text: string) => void
}

/** This process's own. */
export const ownTerminal: Terminal = {
  environment: () => localEnvironment(readDotenv()),
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
}

/** How a command ended: 0 when it is done, 1 when it failed, 2 when it was not understood. */
export type ExitCode = 0 | 1 | 2
