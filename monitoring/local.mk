# For Prometheus and Grafana. tests/lab/test_monitoring.py holds every name in them against a running daemon.
monitoringdir = $(datadir)/spid/monitoring
dist_monitoring_DATA = monitoring/spid-alerts.yml monitoring/spid-dashboard.json
