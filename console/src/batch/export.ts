import type { VisionClient } from 'vision-pipeline-client'

export type ExportFormat = 'csv' | 'jsonl'

const types = { csv: 'text/csv;charset=utf-8', jsonl: 'application/x-ndjson' } as const

/** All results of a batch as one file, handed to the browser. */
export async function exportResults(on: VisionClient, batchId: number, format: ExportFormat): Promise<void> {
  const pages: string[] = []
  for (let cursor: string | undefined; ; ) {
    const query = { format, limit: 500, ...(cursor !== undefined && { cursor }) }
    const { data, response } = await on.api.GET('/v1/batches/{batchId}/results', {
      params: { path: { batchId }, query },
      // As bytes: a text would lose the mark at its beginning, by which spreadsheets know the encoding.
      parseAs: 'arrayBuffer',
    })
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(data as ArrayBuffer)
    pages.push(format === 'csv' && pages.length > 0 ? withoutHeader(text) : text)
    cursor = cursorOf(response.headers.get('link'))
    if (cursor === undefined) break
  }
  save(new Blob(pages, { type: types[format] }), `batch-${batchId}.${format}`)
}

/** The pages of a CSV have the same columns; no name of one has a line break. */
function withoutHeader(page: string): string {
  return page.slice(page.indexOf('\n') + 1)
}

function cursorOf(link: string | null): string | undefined {
  const next = /<([^>]*)>[^,]*\brel="next"/.exec(link ?? '')?.[1]
  return next === undefined ? undefined : (new URL(next, location.href).searchParams.get('cursor') ?? undefined)
}

function save(file: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = name
  link.click()
  // The download has begun by then, or never will.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
