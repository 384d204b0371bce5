import { effect, signal } from '@preact/signals'
import { access } from '../session.ts'

/** What was typed and is not saved yet, by where it was typed: kept whichever page is shown meanwhile. */
const unsaved = signal<ReadonlyMap<string, unknown>>(new Map())

// Who signs out leaves nothing behind.
access.subscribe((now) => {
  if (now === 'unknown') unsaved.value = new Map()
})

const ask = (event: BeforeUnloadEvent) => event.preventDefault()
effect(() => {
  if (unsaved.value.size > 0) addEventListener('beforeunload', ask)
  else removeEventListener('beforeunload', ask)
})

/** All of one kind, whose places begin with it. */
export function allUnsaved<T>(kind: string): readonly T[] {
  return [...unsaved.value].filter(([place]) => place.startsWith(kind)).map(([, typed]) => typed as T)
}

export function unsavedAt<T>(place: string): T | undefined {
  return unsaved.value.get(place) as T | undefined
}

export function keepUnsaved(place: string, typed: unknown): void {
  unsaved.value = new Map(unsaved.value).set(place, typed)
}

export function dropUnsaved(place: string): void {
  unsaved.value = new Map([...unsaved.value].filter(([other]) => other !== place))
}
