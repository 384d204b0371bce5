import { useEffect, useRef } from 'preact/hooks'
import { Copy } from './copy.tsx'
import { Icon } from './icon.tsx'

interface SecretProps {
  /** What it is, for the one sentence about it. */
  readonly about: string
  readonly value: string
  readonly name: string
  /** It is forgotten by then: nothing shows it again. */
  readonly close: () => void
}

/** A secret that the API tells once. It is in this page alone, until it is closed. */
export function Secret({ about, value, name, close }: SecretProps) {
  const box = useRef<HTMLElement>(null)
  useEffect(() => box.current?.focus(), [value])
  return (
    <section class="once" aria-label={name} ref={box} tabIndex={-1}>
      <p class="serif">{about}</p>
      <output class="mono secret">{value}</output>
      <p class="row">
        <Copy text={value} name={`Copy ${name.toLowerCase()}`} />
        <button type="button" class="btn plain" onClick={close}>
          <Icon name="tick" />I have kept it
        </button>
      </p>
    </section>
  )
}
