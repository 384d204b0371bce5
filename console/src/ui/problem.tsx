import { isVisionError, type VisionError } from 'vision-pipeline-client'
import { Icon } from './icon.tsx'

interface ProblemProps {
  readonly error: unknown
  readonly retry?: (() => void) | undefined
  /** What the reader knows a field as, by its JSON pointer; the pointer itself if left out. */
  readonly nameOf?: (pointer: string) => string
}

/** What failed, in a sentence, with what the log has it under. */
export function Problem({ error, retry, nameOf }: ProblemProps) {
  return (
    <div class="note row between" role="alert">
      <div>
        <p>
          <span class="st bad">
            <Icon name="failed" />
            {sentenceOf(error, nameOf)}
          </span>
        </p>
        <Source error={error} />
      </div>
      {retry && (
        <button type="button" class="btn" onClick={retry}>
          <Icon name="retry" />
          Try again
        </button>
      )}
    </div>
  )
}

/** The code of an error, which leads to what it means, and the id of the request. */
function Source({ error }: { readonly error: unknown }) {
  if (!isVisionError(error)) return null
  const { code, requestId } = error
  return (
    <p class="mono dim">
      {code.startsWith('client.') ? code : <a href={`/problems/${code}`}>{code}</a>}
      {requestId && `, request ${requestId}`}
    </p>
  )
}

/** What went wrong, for people: the fields that were wrong, or the sentence of the code. */
export function sentenceOf(error: unknown, nameOf = withoutRoot): string {
  if (!isVisionError(error)) return error instanceof Error ? error.message : 'Something went wrong.'
  const fields = fieldsOf(error, nameOf)
  return fields === '' ? error.message : fields
}

function fieldsOf({ errors }: VisionError, nameOf: (pointer: string) => string): string {
  return errors.map(({ pointer, detail }) => `${nameOf(pointer)}: ${detail}`).join(' ')
}

function withoutRoot(pointer: string): string {
  return pointer.replace(/^#\//, '')
}
