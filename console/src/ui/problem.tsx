import { isVisionError, type VisionError } from 'vision-pipeline-client'
import { Icon } from './icon.tsx'

/** What failed, in a sentence, with what the log has it under. */
export function Problem({ error, retry }: { readonly error: unknown; readonly retry?: (() => void) | undefined }) {
  return (
    <div class="note row between" role="alert">
      <div>
        <p>
          <span class="st bad">
            <Icon name="failed" />
            {sentenceOf(error)}
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
export function sentenceOf(error: unknown): string {
  if (!isVisionError(error)) return error instanceof Error ? error.message : 'Something went wrong.'
  const fields = fieldsOf(error)
  return fields === '' ? error.message : fields
}

function fieldsOf({ errors }: VisionError): string {
  return errors.map(({ pointer, detail }) => `${pointer.replace(/^#\//, '')}: ${detail}`).join(' ')
}
