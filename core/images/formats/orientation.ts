import type { ImageOrientation } from '../../../drizzle/schema.ts'

export type Orientation = ImageOrientation

/** Shown as stored. */
export const upright: Orientation = 1

/** Parses an orientation from a file or a row; undefined if it is none. */
export function asOrientation(value: number): Orientation | undefined {
  return Number.isInteger(value) && value >= 1 && value <= 8 ? (value as Orientation) : undefined
}

/** The size of a picture as displayed. */
export function sizeAsShown(
  { width, height }: { readonly width: number; readonly height: number },
  orientation: Orientation,
): { readonly width: number; readonly height: number } {
  const isOnItsSide = orientation >= 5
  return isOnItsSide ? { width: height, height: width } : { width, height }
}

type Change = Readonly<Record<Orientation, Orientation>>

/** The orientation after another quarter turn anticlockwise. */
export const turnedLeft: Change = { 1: 8, 2: 5, 3: 6, 4: 7, 5: 4, 6: 1, 7: 2, 8: 3 }
/** After flipping it vertically. */
export const flipped: Change = { 1: 4, 2: 3, 3: 2, 4: 1, 5: 8, 6: 7, 7: 6, 8: 5 }
/** After flipping it horizontally. */
export const mirrored: Change = { 1: 2, 2: 1, 3: 4, 4: 3, 5: 6, 6: 5, 7: 8, 8: 7 }
