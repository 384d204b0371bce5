/** One part of the stack, for the person at the terminal. */
export interface Part {
  readonly name: string
  readonly kind: 'real' | 'emulated'
  readonly what: string
}

/** A part that runs. */
export interface RunningPart {
  /** What the configuration gets. */
  readonly settings: Readonly<Record<string, string>>
  readonly stop: () => Promise<void>
}
