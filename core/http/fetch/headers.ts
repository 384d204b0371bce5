const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i
const outerSpace = /^[\t\n\r ]+|[\t\n\r ]+$/g
// A value is a string of bytes without NUL, CR and LF.
const forbidden = /[\0\r\n]|[^\0-\xff]/

/** `Headers` of the Fetch standard, without what it loads in Node.js (see `install.ts`). Names and values are checked alike. */
export class LightHeaders {
  /** By the name in lower case; several values of `set-cookie` are not joined. */
  readonly #values = new Map<string, string[]>()

  /** @throws TypeError for a name or a value that no header can have */
  constructor(init?: RequestInit['headers'] | LightHeaders | null) {
    if (init === undefined || init === null) return
    if (typeof init !== 'object') throw new TypeError('Headers are made of an object or of pairs')
    const isIterable = typeof (init as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function'
    const pairs = (isIterable ? init : Object.entries(init)) as Iterable<readonly string[]>
    for (const pair of pairs) {
      const [name, value, ...rest] = pair
      if (name === undefined || value === undefined || rest.length > 0) {
        throw new TypeError('A header is a pair of a name and a value')
      }
      this.append(name, value)
    }
  }

  append(name: string, value: string): void {
    const key = keyOf(name)
    const checked = checkedValue(key, value)
    const values = this.#values.get(key)
    if (values) values.push(checked)
    else this.#values.set(key, [checked])
  }

  delete(name: string): void {
    this.#values.delete(keyOf(name))
  }

  get(name: string): string | null {
    return this.#values.get(keyOf(name))?.join(', ') ?? null
  }

  getSetCookie(): string[] {
    return [...(this.#values.get('set-cookie') ?? [])]
  }

  has(name: string): boolean {
    return this.#values.has(keyOf(name))
  }

  set(name: string, value: string): void {
    const key = keyOf(name)
    this.#values.set(key, [checkedValue(key, value)])
  }

  forEach(callback: (value: string, name: string, headers: LightHeaders) => void, self?: unknown): void {
    for (const [name, value] of this) callback.call(self, value, name, this)
  }

  /** In the order of the names; each cookie by itself. */
  *entries(): IterableIterator<[string, string]> {
    const names = [...this.#values.keys()].toSorted()
    for (const name of names) {
      const values = this.#values.get(name) ?? []
      if (name === 'set-cookie') for (const value of values) yield [name, value]
      else if (values.length > 0) yield [name, values.join(', ')]
    }
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this) yield name
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this) yield value
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries()
  }

  get [Symbol.toStringTag](): string {
    return 'Headers'
  }
}

function keyOf(name: string): string {
  const text = String(name)
  if (!token.test(text)) throw new TypeError(`${JSON.stringify(text)} is no name of a header`)
  return text.toLowerCase()
}

function checkedValue(name: string, value: string): string {
  const text = String(value).replace(outerSpace, '')
  if (forbidden.test(text))
    throw new TypeError(`The value of the header ${name} has a character that no header can have`)
  return text
}
