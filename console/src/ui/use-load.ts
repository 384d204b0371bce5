import { useCallback, useEffect, useState } from 'preact/hooks'
import type { VisionClient } from 'vision-pipeline-client'
import { client } from '../session.ts'

export interface Loaded<T> {
  /** What was read last; it stays while it is read again. */
  readonly data: T | undefined
  readonly error: unknown
  readonly reload: () => void
}

/** Reads something when the page opens, when one of `inputs` changes, and after each sign-in. */
export function useLoad<T>(
  read: (on: VisionClient, signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
): Loaded<T> {
  const [state, setState] = useState<{ data?: T; error?: unknown }>({})
  const [turn, setTurn] = useState(0)
  const on = client.value
  useEffect(() => {
    const stop = new AbortController()
    read(on, stop.signal).then(
      (data) => stop.signal.aborted || setState({ data }),
      (error: unknown) => stop.signal.aborted || setState((before) => ({ ...before, error })),
    )
    return () => stop.abort()
  }, [on, turn, ...inputs])
  const reload = useCallback(() => setTurn((before) => before + 1), [])
  return { data: state.data, error: state.error, reload }
}
