/** The mark: a clock's ring that a star breaks open at one o'clock. */
export function Mark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 24 24" className={className} aria-hidden="true">
      <path
        d="M12.6 4.02A8 8 0 1 0 19.98 11.4"
        fill="none"
        stroke="currentColor"
        strokeWidth="2.25"
        strokeLinecap="round"
      />
      <path
        d="M12 8.2V12l-3 1.9"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.75"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
      <Star />
    </svg>
  )
}

function Star() {
  return (
    <path
      d="M18 .9c.42 3.1 1.98 4.68 5.1 5.1-3.12.42-4.68 1.98-5.1 5.1-.42-3.12-1.98-4.68-5.1-5.1C16.02 5.58 17.58 4 18 .9Z"
      fill="var(--brand)"
    />
  )
}

/** The star alone: it says that the page is alive. */
export function LiveStar({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 12 12" className={className} aria-hidden="true">
      <path
        d="M6 .4c.46 3.4 2.2 5.14 5.6 5.6C8.2 6.46 6.46 8.2 6 11.6 5.54 8.2 3.8 6.46.4 6 3.8 5.54 5.54 3.8 6 .4Z"
        fill="currentColor"
      />
    </svg>
  )
}
