/** What `npm start` was asked for. */
export type LocalOptions = {
  /** print the help and do nothing else */
  help: boolean
  /** port of the API on 127.0.0.1; 0 means any free one */
  port: number
  /** absolute path of the data folder */
  dataDir: string
  /** whether to begin with the sample batch */
  sample: boolean
  /** milliseconds the provider stand-ins take to answer; undefined leaves it to them */
  emulatorLatencyMs: number | undefined
}

export const help: string
export class OptionsError extends Error {}
export function readOptions(args: string[], env?: Record<string, string | undefined>): LocalOptions
