import { expect, test } from 'vitest'
import { placeIn, viewOf } from '../../console/src/batch/window.ts'

// Tiles of 160 by 344 pixels, ten in a row.
const grid = {
  count: 500,
  width: 1_744,
  least: 160,
  gap: { column: 16, row: 24 },
  heightOf: (width: number) => width * 1.25 + 144,
}
const rowHeight = 160 * 1.25 + 144 + 24
const rows = 50

test('at the top, in the middle and at the end the tiles near the window are drawn, and the height is that of all', () => {
  for (const top of [-200, 0, 5_000, rows * rowHeight - 900, rows * rowHeight + 400]) {
    const { columns, from, to, before, after } = viewOf({ ...grid, top, bottom: top + 900 })
    expect(columns).toBe(10)
    expect(to - from).toBeLessThanOrEqual((3 + 1 + 4) * columns)
    const drawn = Math.ceil((to - from) / columns) * rowHeight
    expect(before + drawn + after).toBe(rows * rowHeight)
    // Nothing that is seen is missing.
    expect(before).toBeLessThanOrEqual(Math.max(0, Math.min(top, rows * rowHeight)))
    expect(before + drawn).toBeGreaterThanOrEqual(Math.min(rows * rowHeight, top + 900))
  }
})

test('one column, a last row that is not full, and no tiles at all', () => {
  const narrow = viewOf({ ...grid, width: 100, top: 0, bottom: 600 })
  expect(narrow.columns).toBe(1)
  const { from, to } = viewOf({ ...grid, count: 503, top: rows * rowHeight, bottom: rows * rowHeight + 900 })
  expect(to).toBe(503)
  expect(from % 10).toBe(0)
  expect(viewOf({ ...grid, count: 0, top: 0, bottom: 900 })).toMatchObject({ from: 0, to: 0, before: 0, after: 0 })
})

test('a tile that is drawn out of view stands where it would be', () => {
  const view = viewOf({ ...grid, top: 0, bottom: 900 })
  expect(placeIn(view, 23)).toEqual({
    position: 'absolute',
    top: `${2 * rowHeight}px`,
    left: 'calc((100% + 16px) / 10 * 3)',
    width: 'calc((100% - 144px) / 10)',
    height: '344px',
  })
})
