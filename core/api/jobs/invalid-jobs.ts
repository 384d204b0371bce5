import { type FieldProblem, InvalidInput, pointerTo } from '../../http/invalid-input.ts'
import { InvalidJobs } from '../../queue/create/resolve-texts.ts'

/**
 * Maps jobs that cannot be created to invalid input; other errors are unchanged.
 *
 * @param pathTo the path in the input to the job with this index
 */
export function asInvalidInput(error: unknown, pathTo: (index: number) => readonly PropertyKey[]): unknown {
  if (!(error instanceof InvalidJobs)) return error
  return new InvalidInput(fieldProblemsOfJobs(error.issues, pathTo), error.code)
}

/** Why jobs cannot be created, as problems with their fields. */
export function fieldProblemsOfJobs(
  issues: InvalidJobs['issues'],
  pathTo: (index: number) => readonly PropertyKey[],
): readonly FieldProblem[] {
  return issues.map(({ index, output, field, code, detail }) => ({
    pointer: pointerTo([...pathTo(index), ...(output === undefined ? [] : ['outputs', output]), field]),
    code,
    detail,
  }))
}
