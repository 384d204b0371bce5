const whole = new Intl.NumberFormat('en')

/** `1,284`. */
export function number(value: number): string {
  return whole.format(value)
}

/** `1 image`, `1,284 images`. */
export function count(value: number, one: string, many = `${one}s`): string {
  return `${number(value)} ${value === 1 ? one : many}`
}

/** Dollars: to the cent, and below one cent to a hundredth of it. */
export function money(usd: number): string {
  return `$${usd.toFixed(usd !== 0 && Math.abs(usd) < 0.1 ? 4 : 2)}`
}

/** A share, 0 to 1: `42 %`, and below a tenth `4.2 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`
}

/** `1.8 MB`; 1,000 bytes are 1 kB, as the limits of the API count. */
export function bytes(value: number): string {
  if (value < 1_000) return `${value} B`
  return value < 1_000_000 ? `${Math.round(value / 1_000)} kB` : `${(value / 1_000_000).toFixed(1)} MB`
}

/** `41.8 s`, `6 min 12 s`, `3 h 5 min`, `2 d 4 h`; of milliseconds. */
export function duration(ms: number): string {
  const seconds = ms / 1_000
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** A remaining time in the one unit that matters: `4 min`. */
export function about(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })

/** A time of today as `14:03`, of another day as `23 Nov, 14:03`; in the reader’s zone. */
export function time(iso: string, now: number): string {
  const date = new Date(iso)
  const isToday = date.toDateString() === new Date(now).toDateString()
  return isToday ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`
}

const dayOfYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })

/** A day of this year as `23 Nov`, of another as `23 Nov 2027`; in the reader’s zone. */
export function date(iso: string, now: number): string {
  const shown = new Date(iso)
  return (shown.getFullYear() === new Date(now).getFullYear() ? day : dayOfYear).format(shown)
}

const languageNames = new Intl.DisplayNames('en', { type: 'language', fallback: 'code' })

/** The name of a language by its BCP 47 tag: `de-CH` is Swiss High German. */
export function languageName(tag: string): string {
  try {
    return languageNames.of(tag) ?? tag
  } catch {
    return tag
  }
}

const rightToLeft = /^(ar|arc|ckb|dv|fa|he|ks|ps|sd|syr|ug|ur|yi)\b|-(arab|hebr|syrc|thaa|nkoo|adlm)\b/i

/** The attributes of an element with a text in this language. */
export function inLanguage(tag: string): { readonly lang: string; readonly dir: 'rtl' | 'ltr' } {
  return { lang: tag, dir: rightToLeft.test(tag) ? 'rtl' : 'ltr' }
}
