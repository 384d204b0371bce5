import { useEffect } from 'preact/hooks'

/** Calls `again` every `ms` milliseconds for as long as `isWanted`; not while nobody looks at the page. */
export function useEvery(again: () => void, ms: number, isWanted: boolean): void {
  useEffect(() => {
    if (!isWanted) return
    const timer = setInterval(() => document.visibilityState === 'visible' && again(), ms)
    return () => clearInterval(timer)
  }, [again, ms, isWanted])
}
