/** What of a grid is in view. */
export interface View {
  readonly columns: number
  /** The height of a tile, in pixels. */
  readonly tile: number
  /** The first that is drawn, and the one after the last. */
  readonly from: number
  readonly to: number
  /** Between tiles, in pixels. */
  readonly gap: Grid['gap']
  /** The height of the rows before and after, in pixels. */
  readonly before: number
  readonly after: number
}

export interface Grid {
  readonly count: number
  /** Of the grid, in pixels. */
  readonly width: number
  /** The least width of a tile, and what is between tiles, in pixels. */
  readonly least: number
  readonly gap: { readonly column: number; readonly row: number }
  /** The height of a tile of this width, in pixels. */
  readonly heightOf: (width: number) => number
  /** Where the window begins and ends, from the top of the grid, in pixels. */
  readonly top: number
  readonly bottom: number
}

/** Rows that are drawn beyond what is seen, so that the next ones are there before they are. */
const spare = 2

/** The tiles of a grid of equal tiles that are near the window. */
export function viewOf({ count, width, least, gap, heightOf, top, bottom }: Grid): View {
  const columns = Math.max(1, Math.floor((width + gap.column) / (least + gap.column)))
  const tile = heightOf((width - (columns - 1) * gap.column) / columns)
  const rowHeight = tile + gap.row
  const rows = Math.ceil(count / columns)
  const clamp = (row: number) => Math.min(rows, Math.max(0, row))
  const first = clamp(Math.floor(top / rowHeight) - spare)
  const last = Math.max(first, clamp(Math.ceil(bottom / rowHeight) + spare))
  return {
    columns,
    tile,
    gap,
    from: first * columns,
    to: Math.min(count, last * columns),
    before: first * rowHeight,
    after: (rows - last) * rowHeight,
  }
}

/**
 * Where a tile stands in the grid, as CSS: for one that is drawn though it is not in view.
 *
 * @param at how many tiles are before it
 */
export function placeIn({ columns, tile, gap }: View, at: number) {
  return {
    position: 'absolute',
    top: `${Math.floor(at / columns) * (tile + gap.row)}px`,
    left: `calc((100% + ${gap.column}px) / ${columns} * ${at % columns})`,
    width: `calc((100% - ${(columns - 1) * gap.column}px) / ${columns})`,
    height: `${tile}px`,
  } as const
}
