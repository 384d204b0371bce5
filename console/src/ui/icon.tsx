const paths = {
  waiting: <circle cx="7" cy="7" r="5.5" stroke-dasharray="2.2 2.1" />,
  image: filled('M7 7V1.5A5.5 5.5 0 0 1 12.5 7z'),
  analysis: filled('M7 1.5a5.5 5.5 0 0 1 0 11z'),
  texts: filled('M7 7V1.5A5.5 5.5 0 1 1 1.5 7z'),
  theme: filled('M7 1.5a5.5 5.5 0 0 0 0 11z'),
  done: (
    <>
      <circle cx="7" cy="7" r="6.2" fill="currentcolor" stroke="none" />
      <path class="knockout" d="M4 7.2l2.1 2.2L10 5" />
    </>
  ),
  failed: <path d="M1.5 1.5h11v11h-11zM4.5 4.5l5 5m0-5l-5 5" />,
  cancelled: (
    <>
      <circle cx="7" cy="7" r="5.5" />
      <path d="M4 7h6" />
    </>
  ),
  warning: <path d="M7 1.5l6 11H1zM7 5.5v3.2M7 10v1.4" />,
  arrow: <path d="M1 7h11M8 3l4 4-4 4" />,
  plus: <path d="M7 1.5v11M1.5 7h11" />,
  retry: <path d="M12 5A5.3 5.3 0 1 0 12.3 8M12.5 1.5V5H9" />,
  download: <path d="M7 1v9M3 6.5L7 10.5l4-4M1.5 13h11" />,
  close: <path d="M3 3l8 8m0-8l-8 8" />,
  tick: <path d="M2 7.5L5.5 11 12 3.5" />,
  copy: <path d="M4.5 4.5h8v8h-8zM1.5 9.5v-8h8" />,
  edit: <path d="M2 12l.7-3L9.5 2.2l2.3 2.3L5 11.3z" />,
  pause: <path d="M4.5 2v10M9.5 2v10" />,
  play: <path d="M3.5 2l8 5-8 5z" />,
  bin: <path d="M2 3.5h10M5.5 3.5v-2h3v2M3.5 3.5l.6 9h5.8l.6-9" />,
} as const

export type IconName = keyof typeof paths

/** A circle with a part of it filled: how far something has come. */
function filled(part: string) {
  return (
    <>
      <circle cx="7" cy="7" r="5.5" />
      <path d={part} fill="currentcolor" />
    </>
  )
}

/** A mark of 14 by 14 pixels. It says nothing to a screen reader: the label beside it does. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="i" viewBox="0 0 14 14" aria-hidden="true">
      {paths[name]}
    </svg>
  )
}
