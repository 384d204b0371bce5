import { VisionError } from '../../domain/errors.ts'
import type { Orientation } from './orientation.ts'

/** In pixels, as stored. */
export interface Size {
  readonly width: number
  readonly height: number
}

/** The picture that a file's header describes. */
export interface Picture extends Size {
  readonly orientation: Orientation
  /** Its coded size, if only a part of it is displayed. */
  readonly coded?: Size
}

/** The bytes end before the image does. @param missing the expected next part, if only that may be missing */
export function truncated(format: string, missing?: string): VisionError {
  const advice = missing ? ` Its ${missing} is missing: send the whole file, or save it anew in an image program.` : ''
  return new VisionError('image.truncated', { message: `The file is a ${format}, but it is cut off.${advice}` })
}

/** @param reason completes 'The file starts like a PNG, but …' */
export function malformed(format: string, reason: string): VisionError {
  return new VisionError('image.malformed', { message: `The file starts like a ${format}, but ${reason}.` })
}

/** @param found the kind of the file, with its article, if it is known */
export function unsupported(found: string | undefined): VisionError {
  const message = 'The file is not a PNG, JPEG, WebP, HEIC or HEIF image'
  return new VisionError('image.unsupported_type', { message: found ? `${message} but ${found}.` : `${message}.` })
}
