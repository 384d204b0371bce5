import { useState } from 'preact/hooks'
import { Icon } from './icon.tsx'

/** A button that copies a text, and says that it did. */
export function Copy({
  text,
  name,
  plain,
}: {
  readonly text: string
  readonly name: string
  readonly plain?: boolean
}) {
  const [said, setSaid] = useState<string>()
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setSaid('Copied')
    } catch {
      setSaid('The browser does not let this page copy')
    }
    setTimeout(() => setSaid(undefined), 2_000)
  }
  return (
    <button type="button" class={plain ? 'btn plain' : 'btn'} onClick={copy}>
      <Icon name={said === 'Copied' ? 'tick' : 'copy'} />
      <span aria-live="polite">{said ?? name}</span>
    </button>
  )
}
