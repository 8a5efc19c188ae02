"use strict";
showReference({
  ...REFERENCE,
  url: "/asyncapi.json",
  hideTestRequestButton: true,
  metaData: { title: "Events - Muster" },
});
