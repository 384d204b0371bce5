import { signal } from '@preact/signals'

type Theme = 'light' | 'dark'

const name = 'vision-theme'
const chosen = signal<Theme | null>(null)

/** Shows what was chosen before; by default the system decides. */
export function startTheme(): void {
  const before = localStorage.getItem(name)
  if (before === 'light' || before === 'dark') show(before)
}

export function switchTheme(): void {
  const isDark = chosen.value ? chosen.value === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
  const next = isDark ? 'light' : 'dark'
  localStorage.setItem(name, next)
  show(next)
}

function show(theme: Theme): void {
  chosen.value = theme
  document.documentElement.dataset.theme = theme
}
