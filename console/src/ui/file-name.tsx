/** As many characters stay at the end: names that a camera or a shop gave differ there. */
const tailLength = 9
const shortest = 2 * tailLength

/** A name that is shortened in its middle where there is no room for it. */
export function FileName({ name }: { readonly name: string }) {
  const characters = [...name]
  if (characters.length <= shortest) return <>{name}</>
  return (
    <span class="file" dir="auto">
      <span>{characters.slice(0, -tailLength).join('')}</span>
      <span>{characters.slice(-tailLength).join('')}</span>
    </span>
  )
}
