/** What a text is made of: its fields by their names, whatever its format. */
export type Fields = Readonly<Record<string, unknown>>

/** `longDescription` as `Long description`. */
export function labelOf(name: string): string {
  const words = name.replaceAll(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** Some fields are a choice or a note for machines, and no words to be read. */
const quiet: readonly string[] = ['imageRole']

/** The fields of a text, as text. */
export function FieldsView({ fields }: { readonly fields: Fields }) {
  return (
    <>
      {Object.entries(fields).map(([name, value]) => (
        <section key={name} class="part">
          <h3 class="dim" lang="en" dir="ltr">
            {labelOf(name)}
          </h3>
          {quiet.includes(name) ? <p class="quiet">{String(value)}</p> : <Value value={value} />}
        </section>
      ))}
    </>
  )
}

/** A list of what is no longer than this is a line. */
const shortWord = 28

function Value({ value }: { readonly value: unknown }) {
  if (Array.isArray(value)) {
    if (value.length === 0) return <p class="quiet">None</p>
    if (value.every((entry) => typeof entry === 'string' && entry.length <= shortWord))
      return <p>{value.join(' · ')}</p>
    return (
      <ul>
        {value.map((entry, at) => (
          <li key={at}>{isObject(entry) ? Object.values(entry).map(String).join(' · ') : String(entry)}</li>
        ))}
      </ul>
    )
  }
  if (isObject(value)) return <FieldsView fields={value} />
  const text = String(value ?? '')
  return text === '' ? <p class="quiet">Empty</p> : text.split(/\n+/).map((line) => <p key={line}>{line}</p>)
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** All of a text as it is pasted elsewhere. */
export function plainText(fields: Fields): string {
  const lines = (value: unknown): string =>
    Array.isArray(value)
      ? value.map(lines).join('\n')
      : isObject(value)
        ? Object.values(value).map(lines).join('\n')
        : String(value ?? '')
  return Object.entries(fields)
    .filter(([name]) => !quiet.includes(name))
    .map(([, value]) => lines(value))
    .filter((text) => text !== '')
    .join('\n\n')
}
