import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Icon } from './icon.tsx'

/** A button that copies a text, and says that it did. */
export function Copy({
  text,
  name,
  plain,
  children,
}: {
  readonly text: string
  readonly name: string
  readonly plain?: boolean
  /** Shown in the place of the icon. */
  readonly children?: ComponentChildren
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
      {children ?? <Icon name={said === 'Copied' ? 'tick' : 'copy'} />}
      <span aria-live="polite">{said ?? name}</span>
    </button>
  )
}
