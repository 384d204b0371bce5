import { useState } from 'preact/hooks'
import { languageName } from '../ui/format.ts'
import { formatNames, formats } from '../ui/texts.ts'
import { addLanguage, cellOf, changeDraft, draft, textsOf } from './draft.ts'

/** Which texts each picture gets: formats by languages. */
export function TextsGrid() {
  const { languages, cells } = draft.value
  const toggle = (cell: string) => () =>
    changeDraft({ cells: cells.includes(cell) ? cells.filter((one) => one !== cell) : [...cells, cell] })
  return (
    <section aria-labelledby="texts">
      <div class="row between">
        <h2 id="texts">Texts</h2>
        <span class="dim">{textsOf(draft.value).length} per image</span>
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="texts">
        <table class="grid-x">
          <thead>
            <tr>
              <th scope="col">Text</th>
              {languages.map((language) => (
                <th key={language} scope="col">
                  <abbr title={languageName(language)}>{language.toUpperCase()}</abbr>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {formats.map((format) => (
              <tr key={format}>
                <th scope="row">{formatNames[format]}</th>
                {languages.map((language) => {
                  const cell = cellOf(format, language)
                  return (
                    <td key={language}>
                      <input
                        type="checkbox"
                        aria-label={`${formatNames[format]}, ${languageName(language)}`}
                        checked={cells.includes(cell)}
                        onChange={toggle(cell)}
                      />
                    </td>
                  )
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <AddLanguage />
    </section>
  )
}

function AddLanguage() {
  const [text, setText] = useState('')
  const [refused, setRefused] = useState(false)
  const submit = (event: Event) => {
    event.preventDefault()
    if (text.trim() === '') return
    const taken = addLanguage(text)
    setRefused(!taken)
    if (taken) setText('')
  }
  return (
    <form class="row add" onSubmit={submit}>
      <label class="vh" for="language">
        Another language
      </label>
      <input
        id="language"
        type="text"
        size={8}
        placeholder="pt-BR"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="btn plain">
        Add language
      </button>
      {refused && (
        <span class="bad" role="alert">
          That is no language tag, such as pt-BR.
        </span>
      )}
    </form>
  )
}
