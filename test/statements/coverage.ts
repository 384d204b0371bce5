import { Session } from 'node:inspector/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(import.meta.dirname, '../..')
/** A place that writes SQL, as it looks once Vitest has transformed it. */
const site = /sql\)?`|\b(?:on|tx|db|database)\.(?:select|insert|update|delete|execute)\(/g

/** Watches which places of the product that write SQL are reached. */
export interface Coverage {
  /** The places whose function was not entered so far, as `file, functions: the beginning of the SQL`. Ends the watch. */
  unreached(): Promise<string[]>
}

interface Range {
  readonly startOffset: number
  readonly endOffset: number
  readonly count: number
}

const lengthOf = ({ ranges: [whole] }: { readonly ranges: readonly Range[] }) =>
  whole === undefined ? 0 : whole.endOffset - whole.startOffset

/** Counts by the engine's own coverage, of whatever is loaded under core/ and cli/. */
export async function watchCoverage(): Promise<Coverage> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Debugger.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: false })
  return {
    unreached: async () => {
      const { result } = await session.post('Profiler.takePreciseCoverage')
      const reached = new Map<string, boolean>()
      for (const { url, scriptId, functions } of result) {
        const file = relative(root, url.startsWith('file:') ? fileURLToPath(url) : url)
        if (!/^(core|cli)\/.*\.ts$/.test(file)) continue
        const { scriptSource } = await session.post('Debugger.getScriptSource', { scriptId })
        for (const match of scriptSource.matchAll(site)) {
          const at = match.index
          const isAround = ({ startOffset, endOffset }: Range) => startOffset <= at && at < endOffset
          const around = functions.filter(({ ranges: [whole] }) => whole !== undefined && isAround(whole))
          // The script and the function that Vitest puts around a module: what stands there was run as it was loaded.
          const inner = around.filter(({ ranges: [whole] }) => whole && whole.startOffset > 400)
          const innermost = inner.toSorted((a, b) => lengthOf(a) - lengthOf(b))[0]
          if (innermost === undefined) continue
          const names = inner.flatMap(({ functionName }) => functionName || [])
          const text = scriptSource
            .slice(at)
            .replaceAll(/\s+/g, ' ')
            .replace(/__vite_ssr_import_\d+__\./g, '')
            .slice(0, 50)
          const place = `${file}, ${names.join(' ')}: ${text}`
          reached.set(place, (reached.get(place) ?? false) || (innermost.ranges[0]?.count ?? 0) > 0)
        }
      }
      session.disconnect()
      return [...reached].flatMap(([place, isReached]) => (isReached ? [] : [place])).toSorted()
    },
  }
}
