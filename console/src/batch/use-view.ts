import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { type View, viewOf } from './window.ts'

const least = { wide: 160, phone: 132 }
const phoneWidth = 640
const gap = { column: 16, row: 24 }
/** Below a picture: number, state, code and four lines of a text. */
const linesHeight = 144

/** Which tiles of the contact sheet are drawn: those near the window, whatever their number. */
export function useView(count: number): { readonly list: RefObject<HTMLUListElement | null>; readonly view: View } {
  const list = useRef<HTMLUListElement>(null)
  const [view, setView] = useState<View>({
    columns: 1,
    tile: 344,
    gap,
    from: 0,
    to: Math.min(count, 24),
    before: 0,
    after: 0,
  })
  useEffect(() => {
    let planned = 0
    const look = () => {
      planned = 0
      const box = list.current
      if (box === null) return
      // Its padding stands for what is not drawn: the place of the grid itself does not move.
      const { top, width } = box.getBoundingClientRect()
      const next = viewOf({
        count,
        width,
        least: innerWidth <= phoneWidth ? least.phone : least.wide,
        gap,
        heightOf: (tile) => tile * 1.25 + linesHeight,
        top: -top,
        bottom: innerHeight - top,
      })
      setView((now) => (isSame(now, next) ? now : next))
    }
    const plan = () => {
      planned ||= requestAnimationFrame(look)
    }
    look()
    // Something above it grows: it is moved without a scroll.
    const sizes = new ResizeObserver(plan)
    sizes.observe(document.body)
    addEventListener('scroll', plan, { passive: true })
    addEventListener('resize', plan)
    return () => {
      sizes.disconnect()
      removeEventListener('scroll', plan)
      removeEventListener('resize', plan)
      cancelAnimationFrame(planned)
    }
  }, [count])
  return { list, view }
}

function isSame(one: View, other: View): boolean {
  return (
    one.columns === other.columns &&
    one.tile === other.tile &&
    one.from === other.from &&
    one.to === other.to &&
    one.after === other.after
  )
}
