import { VisionError } from './errors.ts'

/** A page has no paths: it has files. */
export async function fileAt(path: string): Promise<Blob> {
  throw new VisionError('client.unreadable_file', `A page cannot read ${path}: give the File itself.`)
}
