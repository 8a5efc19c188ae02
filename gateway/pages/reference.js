// What both pages with a reference share. Nothing is loaded from another host, and nothing is told to one.
"use strict";
const REFERENCE = {
  theme: "default",
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: "never",
  persistAuth: false,
  favicon: "/docs/assets/icon.svg",
};

// Some of its parts have no name for a screen reader, or cannot be scrolled by the keyboard.
function mend(root) {
  for (const button of root.querySelectorAll("button[class*='copy-button']:not([aria-label])"))
    button.setAttribute("aria-label", "Copy");
  for (const list of root.querySelectorAll("ul.endpoints:not([tabindex])")) list.tabIndex = 0;
}

function showReference(configuration) {
  new MutationObserver(() => mend(document.body)).observe(document.body, { childList: true, subtree: true });
  return Scalar.createApiReference("#reference", configuration);
}
