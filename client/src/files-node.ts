import { openAsBlob } from 'node:fs'
import { VisionError } from './errors.ts'

/**
 * A file of this machine, whose bytes are read when they are needed.
 *
 * @throws VisionError `client.unreadable_file`
 */
export async function fileAt(path: string): Promise<Blob> {
  try {
    return await openAsBlob(path)
  } catch (cause) {
    throw new VisionError('client.unreadable_file', `The file ${path} cannot be read.`, { cause })
  }
}
