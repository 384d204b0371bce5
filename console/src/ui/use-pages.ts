import { useEffect, useState } from 'preact/hooks'
import type { VisionClient } from 'vision-pipeline-client'
import { client } from '../session.ts'
import { useLoad } from './use-load.ts'

export interface Page<T> {
  readonly items: readonly T[]
  readonly nextCursor: string | null
}

export interface Pages<T> {
  /** What was read so far; undefined before the first page. */
  readonly items: readonly T[] | undefined
  /** Of the first page. */
  readonly first: readonly T[] | undefined
  readonly hasMore: boolean
  /** Reads the next page. */
  readonly more: () => Promise<void>
  /** Of the first page, and of a later one: what was read stays. */
  readonly error: unknown
  readonly moreError: unknown
  /** Reads the first page again; later ones stay. */
  readonly reload: () => void
}

/**
 * Reads a list page by page.
 *
 * @param inputs when one changes, the first page is read again
 * @param list another value is another list: its later pages are not those that were read
 */
export function usePages<T>(
  read: (on: VisionClient, cursor: string | undefined, signal?: AbortSignal) => Promise<Page<T>>,
  inputs: readonly unknown[],
  list?: unknown,
): Pages<T> {
  const { data, error, reload } = useLoad((on, signal) => read(on, undefined, signal), inputs)
  const [later, setLater] = useState<Page<T> & { readonly error?: unknown }>()
  useEffect(() => setLater(undefined), [list])
  const cursor = later ? later.nextCursor : (data?.nextCursor ?? null)
  const more = async () => {
    const items = later?.items ?? []
    try {
      const page = await read(client.value, cursor ?? undefined)
      setLater({ items: [...items, ...page.items], nextCursor: page.nextCursor })
    } catch (problem) {
      setLater({ items, nextCursor: cursor, error: problem })
    }
  }
  return {
    items: data && [...data.items, ...(later?.items ?? [])],
    first: data?.items,
    hasMore: cursor !== null,
    more,
    error,
    moreError: later?.error,
    reload,
  }
}
