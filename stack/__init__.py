"""The local stack: private PostgreSQL, Redis and RabbitMQ, the services and the gateway, on one machine."""
