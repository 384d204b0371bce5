import type { ImageOrientation } from '../../../drizzle/schema.ts'

export type Orientation = ImageOrientation

/** Shown as stored. */
export const upright: Orientation = 1

/** What is read from a file or a row, if it is one; otherwise undefined. */
export function asOrientation(value: number): Orientation | undefined {
  return Number.isInteger(value) && value >= 1 && value <= 8 ? (value as Orientation) : undefined
}

/** The size of a picture as it is shown. */
export function sizeAsShown(
  { width, height }: { readonly width: number; readonly height: number },
  orientation: Orientation,
): { readonly width: number; readonly height: number } {
  const isOnItsSide = orientation >= 5
  return isOnItsSide ? { width: height, height: width } : { width, height }
}

type Change = Readonly<Record<Orientation, Orientation>>

/** What each orientation becomes by a quarter turn anticlockwise after it. */
export const turnedLeft: Change = { 1: 8, 2: 5, 3: 6, 4: 7, 5: 4, 6: 1, 7: 2, 8: 3 }
/** By an exchange of top and bottom. */
export const flipped: Change = { 1: 4, 2: 3, 3: 2, 4: 1, 5: 8, 6: 7, 7: 6, 8: 5 }
/** By an exchange of left and right. */
export const mirrored: Change = { 1: 2, 2: 1, 3: 4, 4: 3, 5: 6, 6: 5, 7: 8, 8: 7 }
