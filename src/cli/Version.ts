/** The version, put in by the build (and by the test runner). */
declare const FLUJO_VERSION: string

export const version: string = FLUJO_VERSION
