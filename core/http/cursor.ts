/** Where a page of the history ended, as clients carry it: opaque, so that it may come to hold something else. */
export function encodeCursor(lastJobId: number): string {
  return Buffer.from(`1:${lastJobId}`).toString('base64url')
}

/** The job that a cursor stands for, or undefined if it is none of ours. */
export function decodeCursor(cursor: string): number | undefined {
  const jobId = Number(/^1:([1-9]\d{0,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))?.[1])
  // Node.js decodes leniently; only what we would write counts.
  return Number.isSafeInteger(jobId) && encodeCursor(jobId) === cursor ? jobId : undefined
}
