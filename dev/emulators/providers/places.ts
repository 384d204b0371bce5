import { columns, type Placement, rows } from './placement.ts'

/** Where a subject stands in a picture, in English: row by row, from the upper left to the lower right. */
export const places = [
  'in the upper left',
  'at the top',
  'in the upper right',
  'on the left',
  'in the centre',
  'on the right',
  'in the lower left',
  'at the bottom',
  'in the lower right',
] as const

/** A placement in English words. */
export function placeOf({ column, row }: Placement): (typeof places)[number] {
  return places[rows.indexOf(row) * columns.length + columns.indexOf(column)] ?? 'in the centre'
}
