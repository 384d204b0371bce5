/** The status of each code that the emulator answers with, by AWS's "Error responses". */
const statuses = {
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidPolicyDocument: 400,
  InvalidRequest: 400,
  InvalidToken: 400,
  InvalidURI: 400,
  KeyTooLongError: 400,
  MalformedPOSTRequest: 400,
  MalformedXML: 400,
  MaxPostPreDataLengthExceededError: 400,
  MethodNotAllowed: 405,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchCORSConfiguration: 404,
  NoSuchLifecycleConfiguration: 404,
  NoSuchPublicAccessBlockConfiguration: 404,
  NotImplemented: 501,
  PreconditionFailed: 412,
  RequestTimeTooSkewed: 403,
  ServerSideEncryptionConfigurationNotFoundError: 404,
  SignatureDoesNotMatch: 403,
  XAmzContentSHA256Mismatch: 400,
} as const

/** A refusal of S3. */
export class S3Error extends Error {
  readonly code: keyof typeof statuses
  /** Further elements of the answer. */
  readonly detail: Readonly<Record<string, string | number>>

  constructor(code: keyof typeof statuses, message: string, detail: Readonly<Record<string, string | number>> = {}) {
    super(message)
    this.name = 'S3Error'
    this.code = code
    this.detail = detail
  }

  get status() {
    return statuses[this.code]
  }
}
