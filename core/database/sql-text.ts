import { SQL, type SQLChunk, StringChunk } from 'drizzle-orm'

/** What stands in a column, as the driver takes it. */
export type Cell = SQL | string | number | boolean | Date | Uint8Array | null

/**
 * A long statement as one flat list of texts and parameters: drizzle asks of each piece that it joins which of a dozen kinds it
 * is, and of a statement for a hundred rows that was a third of what a worker’s processor did.
 */
export class SqlText {
  readonly #chunks: SQLChunk[] = []
  #text = ''

  /** @param text a constant of ours, never input */
  add(text: string): this {
    this.#text += text
    return this
  }

  /**
   * A value: a number and NULL are written out, all else is a parameter.
   *
   * @throws TypeError for NaN and Infinity, which no column can hold
   */
  value(cell: Cell): this {
    if (cell === null) return this.add('NULL')
    if (typeof cell === 'number') return this.add(numberText(cell))
    return this.#push(cell)
  }

  sql(part: SQL): this {
    return this.#push(part)
  }

  /**
   * Rows as a table within parentheses, to be joined.
   *
   * @param names of its columns: constants of ours, never input
   * @param rows at least one, each with a value for each column
   */
  rows(names: readonly string[], rows: readonly (readonly Cell[])[]): this {
    rows.forEach((row, at) => {
      this.add(at === 0 ? '(SELECT ' : ' UNION ALL SELECT ')
      row.forEach((cell, place) => {
        if (place > 0) this.add(', ')
        this.value(cell)
        if (at === 0) this.add(` AS ${names[place]}`)
      })
    })
    return this.add(')')
  }

  done(): SQL {
    return new SQL([...this.#chunks, new StringChunk(this.#text)])
  }

  #push(chunk: SQLChunk): this {
    this.#chunks.push(new StringChunk(this.#text), chunk)
    this.#text = ''
    return this
  }
}

/**
 * Rows as a table of the name `wanted`, to be joined by key: given a list, the server may scan a table that it takes for small, and lock
 * or wait for each row that it passes.
 *
 * @param names see `SqlText.rows`
 */
export function wanted(names: readonly string[], rows: readonly (readonly Cell[])[]): SQL {
  return new SqlText().rows(names, rows).add(' wanted').done()
}

/**
 * A number as SQL.
 *
 * @throws TypeError for NaN and Infinity, which no column can hold
 */
function numberText(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`No column can hold ${value}`)
  return String(value)
}
