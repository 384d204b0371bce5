import { type ErrorCode, errorCodes } from '../../../core/domain/errors.ts'

/** The sentence of an error code, as docs/errors.md has it. */
export function describeCode(code: string): string {
  return Object.hasOwn(errorCodes, code) ? errorCodes[code as ErrorCode].message : 'Something went wrong.'
}

/** Whether another run may end otherwise. */
export function canHelpAgain(code: string): boolean {
  return !Object.hasOwn(errorCodes, code) || errorCodes[code as ErrorCode].errorClass !== 'permanent'
}
