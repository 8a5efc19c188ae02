"""The dashboards: what each panel asks Prometheus, and the files that Grafana reads."""
